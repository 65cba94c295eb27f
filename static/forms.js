// A button that was pressed says so at once, and its form is not sent twice.

function busy(form, submitter) {
  form.setAttribute("aria-busy", "true");
  submitter?.classList.add("is-busy");
  // After the browser has taken the form's values: a disabled button would not be among them.
  setTimeout(() => {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  });
}

function idle() {
  for (const form of document.querySelectorAll("form[aria-busy]")) {
    form.removeAttribute("aria-busy");
    for (const button of form.querySelectorAll("button")) {
      button.disabled = false;
      button.classList.remove("is-busy");
    }
  }
}

export function busyForms() {
  document.addEventListener("submit", (event) => {
    if (event.target.hasAttribute("aria-busy")) event.preventDefault();
    else busy(event.target, event.submitter);
  });
  // Back in the history: the page may be the one that was left, with its pressed button.
  addEventListener("pageshow", (event) => {
    if (event.persisted) idle();
  });
}
