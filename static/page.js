// What every page has. Each page works without scripts; these make it quicker and kinder.

import "./language_switch.js";
import "./samples.js";
import "./times.js";

document.documentElement.classList.add("js"); // tells the styles that scripts are at work
