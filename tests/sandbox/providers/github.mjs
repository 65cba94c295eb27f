// A little of GitHub: the signed-in person, one repository, its issues. Refusals are HTTP errors of
// the provider, which ScaleKit passes on as tool errors.

import { ToolError } from "../scalekit/errors.mjs";
import { person } from "./people.mjs";

const DAY = 24 * 3600_000;

export function createGithub() {
  function repository(who, { owner, repo }) {
    if (owner !== `press-${who.tag}` || repo !== "newsroom-site") {
      throw new ToolError(404, "NOT_FOUND", "GitHub: Not Found");
    }
    return { id: parseInt(who.hex.slice(0, 7), 16), name: repo, full_name: `${owner}/${repo}`,
      private: true, owner: { login: owner, type: "Organization" },
      description: `The site of ${owner}`,
      default_branch: "main", open_issues_count: 3, archived: false };
  }

  function issues(who, state) {
    const all = ["Search is slow on long pages", "Byline missing in feed",
      "Dark mode for galleries", "Old redirect loops"].map((title, i) => ({
      id: parseInt(who.hex.slice(8, 15), 16) + i, number: 41 + i, title: `${title} [${who.tag}]`,
      state: i === 3 ? "closed" : "open", user: { login: who.login }, labels: [{ name: "site" }],
      created_at: new Date(Date.now() - (30 - i) * DAY).toISOString(),
      updated_at: new Date(Date.now() - (i + 1) * DAY).toISOString(), comments: i,
    }));
    return all.filter((issue) => state === "all" || issue.state === state).reverse();
  }

  const tools = {
    github_user_get_authenticated: (who) => ({ login: who.login,
      id: parseInt(who.hex.slice(0, 7), 16), type: "User", name: who.name, email: who.email }),
    github_repo_get: repository,
    github_issues_list(who, params) {
      repository(who, params);
      const { page = 1, per_page: size = 30, state = "open" } = params;
      return issues(who, state).slice((page - 1) * size, page * size);
    },
  };

  return {
    knows: (tool) => Object.hasOwn(tools, tool),
    run: (tool, params, { account }) =>
      tools[tool](person(account.identifier, account.choice), params),
    reset() {},
  };
}
