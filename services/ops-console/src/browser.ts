// What runs in the browser and how it looks: the few buttons, no script of anybody else.

/** Renews the page by itself, but not under somebody who has just pressed a button and reads the answer. */
export const CONSOLE_SCRIPT = `let renewing = setTimeout(() => location.reload(), 5000);
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-post]");
  if (button === null) return;
  clearTimeout(renewing);
  button.disabled = true;
  try {
    const response = await fetch(button.dataset.post, { method: "POST" });
    const answer = await response.json();
    button.textContent = response.ok ? answer.resolution : answer.code + ": " + answer.detail;
  } catch (error) {
    button.textContent = "no answer: " + error.message;
  }
  renewing = setTimeout(() => location.reload(), 15000);
});
`;

export const CONSOLE_STYLE = `body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem; color: #1c2430; }
h1 a { color: inherit; text-decoration: none; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #d9dee6; vertical-align: top; }
.good { color: #176b3a; } .bad { color: #a3231f; font-weight: 600; } .state { font-weight: 600; }
code, pre { font: 12px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
`;
