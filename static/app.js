// What moves on the pages. Everything here is an addition: connecting works without it.
//
//   times         shown in the reader's own words
//   app page      the recipe's defaults in a small form, "Send a briefing now", "Preview"
//   briefing page the timeline and the message follow the briefing while it is made

import { appPage } from "/static/recipes.js";
import { briefingPage } from "/static/timeline.js";
import { localTimes } from "/static/times.js";

localTimes(document);
if (document.body.classList.contains("page-app")) appPage();
if (document.body.classList.contains("page-briefing")) briefingPage();
