// Slack's mrkdwn as Slack shows it, built from nodes: no markup of the message ever becomes markup of the page.

const PLAIN = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
const plain = (text) => text.replace(/&(lt|gt|amp);/g, (escaped) => PLAIN[escaped]);
const PIECES = /<(https?:\/\/[^|>\s]+)(?:\|([^>]*))?>|\*([^*\n]+)\*|(?<!\w)_(\S(?:[^\n]*?\S)?)_(?!\w)|~([^~\n]+)~|`([^`\n]+)`/g;

function piece(match) {
  const [, url, label, bold, italic, struck, code] = match;
  if (url) {
    const link = document.createElement("a");
    link.href = url;
    link.rel = "noopener noreferrer nofollow";
    link.textContent = plain(label || url);
    return link;
  }
  const [tag, text] = bold !== undefined ? ["strong", bold] : italic !== undefined ? ["em", italic]
    : struck !== undefined ? ["s", struck] : ["code", code];
  const made = document.createElement(tag);
  made.textContent = plain(text);
  return made;
}

export function showMrkdwn(place, text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(PIECES)) {
    nodes.push(plain(text.slice(at, match.index)), piece(match));
    at = match.index + match[0].length;
  }
  nodes.push(plain(text.slice(at)));
  place.replaceChildren(...nodes);
}
