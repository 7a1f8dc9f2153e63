/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The look of the pages. Both answers have the same size and colour; nothing moves; colours
 * keep 7:1 for text in both schemes. Where the window is high enough the question scrolls by
 * itself above the answers, so that the focus on the first of them does not scroll it away.
 * In a low one the whole page scrolls; there the first focus, for a second, reaches up to the
 * beginning, which is then what is seen. How much time is left is shown by animations without
 * motion, whose delays are in a style sheet of the question's own (/time/N.css); without it
 * they never begin.
 */
#include "cli/web_page.h"

const char web_style[] =
	":root{color-scheme:light dark;--ink:#1a1a1a;--paper:#ffffff;--quiet:#444444;"
	"--line:#6b6b6b;--box:#f3f3f0;--mark:#ffe9a8;--focus:#0b4fc4}\n"
	"@media (prefers-color-scheme:dark){:root{--ink:#f2f2f2;--paper:#161616;"
	"--quiet:#c8c8c8;--line:#9a9a9a;--box:#242424;--mark:#5a4a10;--focus:#8ab4ff}}\n"
	"@media (prefers-contrast:more){:root{--quiet:var(--ink);--line:var(--ink)}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0;background:var(--paper);color:var(--ink);"
	"font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}\n"
	"main{max-width:64rem;margin:0 auto;padding:1rem}\n"
	"h1{font-size:1.4rem;line-height:1.25;margin:0 0 .5rem}\n"
	"h2{font-size:1rem;margin:1rem 0 .25rem}\n"
	"p{margin:.25rem 0 .75rem}\n"
	"dl{margin:0}\n"
	"dl>div{padding:.4rem 0;border-block-start:1px solid var(--line)}\n"
	"dt{font-weight:700}\ndd{margin:0}\nul{margin:0;padding-inline-start:1.25rem}\n"
	"pre{margin:.25rem 0;padding:.75rem;max-height:20rem;overflow:auto;"
	"white-space:pre-wrap;unicode-bidi:plaintext;background:var(--box);"
	"border:1px solid var(--line);font:.95rem/1.45 ui-monospace,monospace}\n"
	"h3{font-size:1rem;margin:.75rem 0 .25rem}h3:first-child{margin-block-start:0}\n"
	".reading{padding:.75rem;max-height:24rem;overflow:auto;border:1px solid var(--line)}\n"
	".reading pre{max-height:none;margin:0 0 .5rem}\n"
	".tag{margin:.25rem 0 0;color:var(--quiet)}\n"
	".beside{display:grid;gap:0 .75rem}\n"
	".left p{visibility:hidden;max-block-size:0;margin:0;overflow:hidden;"
	"animation:show 1ms linear 9999999s forwards}\n"
	"@keyframes show{to{visibility:visible;max-block-size:none;padding-block:.25rem}}\n"
	"mark{background:var(--mark);color:inherit;font-weight:700}\n"
	"summary{padding:.5rem 0;cursor:pointer;font-weight:700}\n"
	"form{background:var(--paper);border-block-start:1px solid var(--line);"
	"padding-block:.75rem}\n"
	".buttons{display:grid;gap:.5rem;grid-template-columns:repeat(auto-fit,minmax(13rem,"
	"1fr));"
	"margin-block-end:.5rem}\n"
	".time{grid-template-columns:max-content;margin:0}\n"
	"button,select,input{font:inherit;color:var(--ink);background:var(--box);"
	"border:2px solid var(--line);border-radius:.4rem;padding:.6rem .75rem;"
	"min-height:2.75rem;max-width:100%}\n"
	"button{cursor:pointer}\n"
	":focus-visible{outline:3px solid var(--focus);outline-offset:2px}\n"
	"@media (min-width:48rem){dl>div{display:grid;grid-template-columns:10rem 1fr}"
	".beside{grid-template-columns:1fr 1fr}}\n"
	"@media (max-height:24rem){pre,.reading{max-height:none}"
	"[autofocus]{animation:begin 1s step-end}}\n"
	"@keyframes begin{from{scroll-margin-block-start:99999rem}}\n"
	"@media (min-height:24rem){main:has(.question){display:flex;"
	"flex-direction:column;max-block-size:100vh;max-block-size:100dvh}"
	"section{display:flex;flex-direction:column;min-block-size:0}"
	".question{overflow:auto;min-block-size:8rem;padding:4px;margin:-4px}form{flex:none;"
	"max-block-size:60vh;"
	"overflow:auto;margin-inline:-.5rem;padding-inline:.5rem}}\n"
	"@media (prefers-reduced-motion:reduce){*{transition:none;scroll-behavior:auto}}\n"
	"@media (forced-colors:active){mark{forced-color-adjust:none;color:#000;"
	"background:#ffe9a8}}\n";
