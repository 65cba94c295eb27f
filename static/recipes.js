// The app page: for each recipe a small form with the user's own defaults, and the two buttons.

import { ask } from "/static/service.js";

const user = () => document.body.dataset.user;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** "slack_channel" reads "Slack channel". */
function label(name) {
  const words = name.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

function tell(place, kind, text) {
  place.className = text ? `notice notice-${kind}` : "";
  place.textContent = text;
}

function showFieldErrors(inputs, fields) {
  for (const [name, { input, error }] of inputs) {
    const found = fields.find(({ pointer }) => pointer === `/params/${name}` || pointer === `/${name}`);
    input.setAttribute("aria-invalid", found ? "true" : "false");
    error.textContent = !found ? "" : found.detail.startsWith("must match") && input.title
      ? `This does not look right. Expected: ${input.title}` : found.detail;
  }
}

async function addForm(article) {
  const recipe = article.dataset.recipe;
  const params = `/users/${encodeURIComponent(user())}/recipes/${encodeURIComponent(recipe)}/params`;
  const [{ body: about }, { body: stored }] = await Promise.all([
    ask("GET", `/recipes/${encodeURIComponent(recipe)}?user_id=${encodeURIComponent(user())}`),
    ask("GET", params),
  ]);
  const declared = Array.isArray(about.params) ? about.params
    : Object.entries(about.params ?? {}).map(([name, rest]) => ({ name, ...rest }));
  const values = stored.params ?? {};
  const inputs = new Map();
  const fieldset = element("fieldset");
  fieldset.append(element("legend", { className: "hint", textContent: "Your defaults" }));
  for (const { name, description, default: fallback } of declared) {
    const id = `${recipe}-${name}`;
    const error = element("span", { className: "field-error", id: `${id}-error` });
    const input = element("input", {
      id, name, value: values[name] ?? "", autocomplete: "off",
      placeholder: fallback === undefined || fallback === null ? "" : String(fallback),
      title: description ?? "",
    });
    input.setAttribute("aria-describedby", error.id);
    fieldset.append(element("label", { htmlFor: id }, label(name), input, error));
    inputs.set(name, { input, error });
  }
  const message = element("p");
  message.setAttribute("role", "status");
  const send = element("button", { type: "button", className: "button button-main", textContent: "Send a briefing now" });
  const preview = element("button", { type: "button", className: "button", textContent: "Preview" });
  const save = element("button", { type: "submit", className: "button", textContent: "Save defaults" });
  const form = element("form", {}, fieldset,
    element("div", { className: "actions" }, send, preview, save), message);
  article.append(form);

  const given = () => Object.fromEntries([...inputs].map(([name, { input }]) => [name, input.value.trim()])
    .filter(([, value]) => value !== ""));
  const busy = async (work) => {
    for (const button of [send, preview, save]) button.disabled = true;
    tell(message, "wait", "");
    try {
      await work();
    } catch (problem) {
      showFieldErrors(inputs, problem.fields ?? []);
      tell(message, "error", problem.fields?.length ? "Nothing was done. Please correct what is marked above." : problem.message);
    } finally {
      for (const button of [send, preview, save]) button.disabled = false;
    }
  };
  const make = (mode) => busy(async () => {
    const { body } = await ask("POST", "/briefings", {
      body: { user_id: user(), recipe, mode, params: given() },
      headers: { "idempotency-key": crypto.randomUUID?.() ?? String(Math.random()) },
    });
    location.assign(`/b/${body.id}`);
  });
  send.addEventListener("click", () => make("post"));
  preview.addEventListener("click", () => make("preview"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(async () => {
      await ask("PUT", params, { body: { params: given() } });
      showFieldErrors(inputs, []);
      tell(message, "ok", "Saved.");
    });
  });
}

export function appPage() {
  for (const article of document.querySelectorAll(".recipe[data-recipe]"))
    addForm(article).catch((problem) => {
      article.append(element("p", { className: "notice notice-error", textContent: problem.message }));
    });
  document.querySelector(".connection[data-wanted]")?.scrollIntoView({ block: "center" });
}
