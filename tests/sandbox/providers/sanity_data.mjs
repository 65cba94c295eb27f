// A content lake of an editorial office: drafts (fresh and stale), what was published this week and
// before, versions in releases, and the releases themselves. Times count back from now.

const DAY = 24 * 3600_000;
const HOUR = 3600_000;

const SUBJECTS = ["Harbour bridge", "City budget", "Night train", "School kitchen", "Glacier hut",
  "Chess final", "Water price", "Bakery strike", "Old town", "Bicycle lane", "Power grid",
  "Opera house", "Fish market", "Public library", "Rent index", "Ferry line"];
const TURNS = ["reopens after repairs", "splits the council", "draws a record crowd",
  "in five charts", "faces a late deadline", "gets a second look", "changes hands",
  "returns for the summer",
  "puts R&D first", "and what comes next", "in pictures", "under review"];
const TYPES = ["article", "article", "article", "interview", "newsletter", "gallery"];

/** The projects and documents of one person. */
export function makeLake(who) {
  const project = (suffix, displayName) => ({
    id: `${who.hex.slice(0, 8)}${suffix}`, displayName, organizationId: `o${who.hex.slice(6, 14)}`,
    isDisabledByUser: false, createdAt: "2024-02-05T09:30:00Z",
    studioHost: `${displayName}-${who.tag}`,
  });
  const projects = [project("nr", "newsroom"), project("pd", "product-docs")];
  return {
    projects,
    datasets: {
      [projects[0].id]: { production: newsroom(who), staging: [] },
      [projects[1].id]: { production: productDocs(who) },
    },
  };
}

function newsroom(who) {
  const { random, tag } = who;
  const now = Date.now();
  const used = new Set();
  let serial = 0;

  function title() {
    for (;;) {
      const made = `${SUBJECTS[random(SUBJECTS.length)]} ${TURNS[random(TURNS.length)]}`;
      if (used.has(made)) continue;
      used.add(made);
      return `${made} [${tag}]`;
    }
  }

  function document(prefix, age, extra = {}) {
    const name = title();
    const updated = new Date(now - age);
    const id = `${who.hex.slice(24, 32)}-${String(++serial).padStart(4, "0")}`;
    return {
      _id: prefix + id,
      _type: TYPES[random(TYPES.length)],
      _createdAt: new Date(updated - (2 + random(20)) * DAY).toISOString(),
      _updatedAt: updated.toISOString(),
      _rev: who.hex.slice(32, 46) + serial,
      title: name,
      slug: { _type: "slug",
        current: name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/-$/, "") },
      author: { _type: "reference", _ref: `author-${who.tag}` },
      ...extra,
    };
  }

  const documents = [];
  const fresh = 5 + random(4);
  for (let i = 0; i < fresh; i++) {
    documents.push(document("drafts.", (1 + i * 29 + random(20)) * HOUR));
  }
  const stale = 2 + random(3);
  for (let i = 0; i < stale; i++) {
    documents.push(document("drafts.", (15 + i * 9 + random(8)) * DAY));
  }
  const recent = 3 + random(4);
  for (let i = 0; i < recent; i++) documents.push(document("", (3 + i * 24 + random(20)) * HOUR));
  for (let i = 0; i < 12; i++) documents.push(document("", (9 + i * 11 + random(9)) * DAY));

  const releases = makeReleases(who, now);
  for (const release of releases.slice(0, 2)) {
    documents.push(document(`versions.${release.name}.`, (2 + random(40)) * HOUR));
  }
  documents.push({ _id: `author-${tag}`, _type: "author", _createdAt: "2024-02-05T09:30:00Z",
    _updatedAt: "2024-02-05T09:30:00Z", _rev: "a1", name: who.name });
  return [...documents, ...releases];
}

function makeReleases(who, now) {
  const release = (n, title, state, metadata, days) => {
    const date = days === null ? null : new Date(now + days * DAY - (now % HOUR)).toISOString();
    const name = `r${who.hex.slice(40 + n, 48 + n)}`;
    return {
      _id: `_.releases.${name}`, _type: "system.release", name, state,
      _createdAt: new Date(now - 20 * DAY).toISOString(),
      _updatedAt: new Date(now - (n + 1) * DAY).toISOString(),
      metadata: { title: `${title} [${who.tag}]`, description: "", ...metadata,
        ...(date && { intendedPublishAt: date }) },
      ...(state === "published" && { publishedAt: date }),
    };
  };
  const scheduled = { releaseType: "scheduled" };
  return [
    release(0, "Weekend edition", "active", scheduled, 2 + who.random(3)),
    release(1, "Budget special", "active", scheduled, 6 + who.random(9)),
    release(2, "Redesign of the front page", "active", { releaseType: "undecided" }, null),
    release(3, "Summer series", "published", scheduled, -12),
    release(4, "Cancelled supplement", "archived", scheduled, -40),
  ];
}

function productDocs(who) {
  const made = (id, title, days) => ({
    _id: id, _type: "guide", _createdAt: "2025-01-10T08:00:00Z", _rev: "p1",
    _updatedAt: new Date(Date.now() - days * DAY).toISOString(), title: `${title} [${who.tag}]`,
  });
  return [made("drafts.guide-install", "Installing the app", 3),
    made("guide-start", "First steps", 40)];
}
