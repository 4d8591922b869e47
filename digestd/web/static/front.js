// Offers the browser's own time zone; the form works without this.
"use strict";
const field = document.getElementById("timezone");
const zones = document.getElementById("timezones");
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (own && "detect" in field.dataset && field.value === "UTC") field.value = own;
for (const zone of Intl.supportedValuesOf?.("timeZone") ?? []) {
  zones.append(Object.assign(document.createElement("option"), { value: zone }));
}
