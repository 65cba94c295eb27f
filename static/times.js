// Times in the reader's language and zone; the exact one stays in the attribute and the tooltip.

const long = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title ||= time.textContent;
    time.textContent = long.format(at);
  }
}

export function clockTime(iso) {
  const time = document.createElement("time");
  time.dateTime = iso;
  time.title = iso;
  time.textContent = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }).format(new Date(iso));
  return time;
}
