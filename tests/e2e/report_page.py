"""report_page.py -- report.html as a test reads it, with Python's html.parser: its tables, its numbers, and whether it is harmless."""
import base64
import hashlib
import json
import re
from html.parser import HTMLParser

TAGS = set("""a body button caption code dd desc details div dl dt em figcaption figure footer h1 h2 head header html label li line
link main meta nav p path rect script section span strong style summary svg table tbody td text tfoot th thead title tr ul""".split())
VOID = {"meta", "link"}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.source = text
        self.open, self.tags, self.faults = [], [], []
        self.tables, self.texts, self.ids = {}, {}, set()
        self.table = self.row = self.cell = None
        self.feed(text)
        self.close()
        if self.open:
            self.faults.append(f"never closed: {self.open}")

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)
        if "id" in attributes:
            if attributes["id"] in self.ids:
                self.faults.append(f"id {attributes['id']} twice")
            self.ids.add(attributes["id"])
        if tag == "table":
            self.table = self.tables.setdefault(attributes.get("id"), [])
        elif tag == "tr":
            self.row = []
            self.table.append(self.row)
        elif tag in ("td", "th"):
            self.cell = []

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> in line {self.getpos()[0]}")
        if tag in ("td", "th"):
            self.row.append("".join(self.cell))
            self.cell = None
        elif tag == "table":
            self.table = None

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)
        if self.cell is not None and "svg" not in self.open:
            self.cell.append(data)

    def handle_comment(self, data):
        self.faults.append(f"a comment: {data[:60]}")

    # ---- what it says

    def rows(self, table, column=None):
        """Cells of the body, numbers as numbers; the first row is the head."""
        rows = [[number(cell) for cell in row] for row in self.tables[table][1:]]
        return rows if column is None else [row[self.tables[table][0].index(column)] for row in rows]

    def tiles(self):
        """Numbers and what they were compared with, by name."""
        text = re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", self.source)
        return {name: number(value) for name, value in text}

    def points(self):
        found = re.search(r'<script type="application/json" id="qidflow-sums">(.*?)</script>', self.source, re.S)
        return json.loads(found.group(1))["points"]

    def colours(self):
        """For each scheme, light, dark and print: contrast with the paper as WCAG counts it, and colourfulness, of severities 5 to 1."""
        schemes = [dict(re.findall(r"--(paper|s[1-5]): (#\w{6})", rules)) for rules in re.findall(r":root \{(.*?)\}", self.source, re.S)]
        return [[(contrast(s[k], s["paper"]), colourfulness(s[k])) for k in ("s5", "s4", "s3", "s2", "s1")] for s in schemes]

    # ---- what it may not do

    def outward(self):
        """Everything that could ask for something, or run something that is not its own: a list, empty where all is well."""
        found = list(self.faults)
        for tag, attributes in self.tags:
            if tag not in TAGS:
                found.append(f"<{tag}>")
            for name, value in attributes.items():
                if name.startswith("on") or name in ("src", "srcset", "style", "action", "formaction", "poster", "ping", "data"):
                    found.append(f"{tag} {name}={value}")
                if name in ("href", "xlink:href") and not value.startswith("#") and not (tag == "link" and value.startswith("data:")):
                    found.append(f"{tag} {name}={value}")
            if tag == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
                found.append("refresh")
        css = "".join(self.texts["style"])
        found += re.findall(r"url\(|@import|@font-face|expression\(", css)
        found += [f"script: {word}" for script in self.texts["script"] for word in
                  re.findall(r"fetch\(|XMLHttp|WebSocket|import\(|innerHTML|eval\(|\.src\b|location", script)]
        return found + self.policy_faults()

    def policy_faults(self):
        """The policy forbids all but this style and this script, which it names by their sums."""
        policy = [a["content"] for t, a in self.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
        if len(policy) != 1:
            return [f"{len(policy)} policies"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy[0].split(";"))
        style = re.search(r"<style>(.*?)</style>", self.source, re.S).group(1)
        script = re.search(r"<script>(.*?)</script>", self.source, re.S).group(1)
        wanted = {"default-src": "'none'", "style-src": f"'sha256-{sum_of(style)}'", "script-src": f"'sha256-{sum_of(script)}'",
                  "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}
        return [] if rules == wanted else [f"policy {rules} instead of {wanted}"]


def rgb(colour):
    return bytes.fromhex(colour[1:])


def contrast(a, b):
    lights = sorted(sum(weight * (p / 12.92 if p <= .04045 else ((p + .055) / 1.055) ** 2.4)
                        for weight, p in zip((.2126, .7152, .0722), (byte / 255 for byte in rgb(colour)))) for colour in (a, b))
    return (lights[1] + .05) / (lights[0] + .05)


def colourfulness(colour):
    return max(rgb(colour)) - min(rgb(colour))


def sum_of(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def number(text):
    plain = text.strip().replace(",", "").replace("\N{MINUS SIGN}", "-").lstrip("+")
    return int(plain) if re.fullmatch(r"-?\d+", plain) else text.strip()
