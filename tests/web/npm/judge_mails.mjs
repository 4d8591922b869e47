// Judge the HTML of mails: reads {name: html} from standard input, writes {name: {html, clients}}.
//
//   html     what html-validate says: [{rule, message, line}]
//   clients  what caniemail.com knows of features that a mail client lacks: [{feature, client, support, notes}]
import { readFileSync } from "node:fs";
import { HtmlValidate, StaticConfigLoader } from "html-validate";
import { caniemail } from "caniemail";

const CLIENTS = ["gmail.*", "outlook.*", "apple-mail.*", "yahoo.*"];
const validator = new HtmlValidate(
  new StaticConfigLoader({
    extends: ["html-validate:standard"],
    rules: {
      // Outlook's Word engine lays tables out by these attributes
      "no-deprecated-attr": "off",
    },
  }),
);

function validate(html) {
  const { results } = validator.validateStringSync(html);
  return results.flatMap(({ messages }) =>
    messages.map(({ ruleId, message, line }) => ({ rule: ruleId, message, line })),
  );
}

function* lacking(html) {
  const { errors, warnings } = caniemail({ clients: CLIENTS, html }).issues;
  for (const [support, issues] of [["none", errors], ["partial", warnings]]) {
    for (const [client, found] of issues) {
      for (const { title, notes } of found) {
        yield { feature: title, client, support, notes };
      }
    }
  }
}

const judged = {};
for (const [name, html] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  judged[name] = { html: validate(html), clients: [...lacking(html)] };
}
console.log(JSON.stringify(judged));
