// What moves on the pages. Everything here is an addition: connecting, defaults and briefings work without it.
//
//   times          shown in the reader's own words
//   forms          a pressed button says so at once, and cannot be pressed twice
//   app page       the browser's time zone is suggested; accounts and briefings follow what happens elsewhere
//   briefing page  the timeline and the message follow the briefing while it is made
//
// The words are the server's: what is new on a page comes from the same address, read again.

import { appPage } from "/static/start.js";
import { busyForms } from "/static/forms.js";
import { briefingPage } from "/static/timeline.js";
import { localTimes } from "/static/times.js";

const page = (name) => document.body.classList.contains(`page-${name}`);

if (page("app")) appPage();
if (page("briefing")) briefingPage();
localTimes(document);
busyForms();
