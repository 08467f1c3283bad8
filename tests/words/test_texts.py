"""The texts of pages and bot: complete in every language, and nowhere else."""

import html.parser
import re
import string
from collections import Counter

import pytest

from painterly.gallery.page import SHARED
from painterly.settings.installation import PROGRAM
from painterly.words.texts import LANGUAGES, Texts, preferred, table

# The page of the API is in English, as the API is.
TEMPLATES = sorted(
    path
    for folder in (SHARED, PROGRAM / "painterly/web/templates")
    for path in folder.glob("*.html")
    if path.name != "docs.html"
)
LONGEST_LINE = 140  # characters
STATIC = PROGRAM / "painterly/web/static"
# signals.js is somebody else's.
SCRIPTS = sorted({*SHARED.glob("*.js"), *STATIC.glob("*.js")} - {STATIC / "signals.js"})
MODULES = [PROGRAM / "painterly/web/pages.py", PROGRAM / "painterly/gallery/record_view.py"]
READ_ALOUD = {"alt", "aria-label", "aria-description", "aria-valuetext", "placeholder", "title"}
# The parts of a script that matter here: comments, regular expressions, strings, and the braces in
# templates.
CODE = re.compile(
    r"//[^\n]*|/\*.*?\*/|(?:(?<=[(,=:!&|?;])|(?<=[(,=:!&|?;] ))/(?:\\.|\[(?:\\.|[^\]])*\]|[^/\\])+/"
    r"""|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[`{}]|[^/"'`{}]+|/""",
    re.DOTALL,
)
TEMPLATE = re.compile(r"`|\$\{|(?:\\.|[^`$\\]|\$(?!\{))+", re.DOTALL)
# Words that a reader would see: capitals, several words, or a sentence's end.
WORDS = re.compile(
    r"^[A-ZÀ-Ý][a-zà-ÿ]+\b|([a-zà-ÿ]{3,}|\{\}),? [a-zà-ÿ]{3,}|[a-zà-ÿ]{3,} \{\}"
    r"|\w[…!]|\w\?$| \w+\.$"
)
# Even single words here would be seen or read aloud.
SINKS = re.compile(
    r"""(?:textContent|title|alt|innerText|placeholder) = ["`](?=\w)[^"`]+"""
    r"""|(?:announce|confirm|(?<!body\.)append|new Option)\(["`](?=\w)[^"`]+"""
    r"""|make\("\w+", ["`](?=\w)[^"`]+|"aria-\w+", ["`](?!true)(?=\w)[^"`]+"""
)
# They name things of browsers and of HTTP, and classes.
NO_WORDS = re.compile(
    r"(use strict|Content-Type|Accept|Retry-After|Idempotency-Key|Files|Arrow\w*|Enter|Escape"
    r"|Delete|input, select, textarea|<svg class=.*)$"
)


def placeholders(text):
    return Counter(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_every_text_is_there_in_every_language_with_the_same_names_in_braces():
    for key, texts in table().items():
        assert list(texts) == list(LANGUAGES), key
        assert all(text.strip() for text in texts.values()), key
        names = {language: set(placeholders(text)) for language, text in texts.items()}
        assert len(set(map(frozenset, names.values()))) == 1, (key, names)
        assert "<a href" not in str(texts) or all("<a href" in each for each in texts.values())
        other = key.removesuffix(".one") + ".other"
        assert not key.endswith(".one") or set(placeholders(table()[other]["en"])) == names["en"]


def test_french_signs_stand_after_a_space_that_does_not_break():
    for key, texts in table().items():
        text = re.sub(r"https?:|\d:\d|«\u202f|\u202f[:;!?»]+", "", texts["fr"])
        assert not re.search("[:;!?«»]", text), (key, texts["fr"])
    said = Texts("fr").text("gallery.of_photo", title="Lac", photo="lac.jpg")
    assert said == "Lac\N{NARROW NO-BREAK SPACE}: lac.jpg"


def test_a_language_speaks_to_its_reader_in_one_way_with_its_own_signs():
    others = {
        "de": r"\b(Ihr|Ihnen|Ihre[mnrs]?|Sie können)\b|«|”",
        "fr": r"(?i)\b(tu|toi|ton|tes|t’es)\b|[“”„]",
        "es": r"(?i)\b(usted|vosotros|vuestr[ao]s?)\b|[“”„]",
        "en": r"[«»„]",
    }
    for key, texts in table().items():
        for language, pattern in others.items():
            shown = re.sub("<[^>]+>", "", texts[language])
            assert not re.search(pattern, shown), (key, shown)
            assert not re.search("[\"'`]|\\.\\.\\.|  ", shown), (key, shown)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr-CH, fr;q=0.9, en;q=0.8, *;q=0.5", "fr"),
        ("pt-BR,pt;q=0.9,es;q=0.5,en;q=0.4", "es"),
        ("en;q=0.3, DE-at;q=0.7", "de"),
        ("fr;q=0, it", "en"),
        ("de;q=x", "de"),
        ("es;q=1, de", "es"),
        ("*", "en"),
    ],
)
def test_the_language_is_the_one_that_the_browser_prefers(header, language):
    assert preferred(header) == language


class Shown(html.parser.HTMLParser):
    """The letters that a template shows or has read aloud by itself."""

    def __init__(self, template):
        super().__init__()
        self.found, self.hidden = [], 0
        self.feed(re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template, flags=re.DOTALL))

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in ("style", "script")
        self.found += [value for name, value in attrs if name in READ_ALOUD and value]

    def handle_endtag(self, tag):
        self.hidden -= tag in ("style", "script")

    def handle_data(self, data):
        self.found += [data] if not self.hidden else []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_words_of_its_own(path):
    template = path.read_text("utf-8")
    assert [each for each in Shown(template).found if re.search(r"[^\W\d_]", each)] == []
    for expression in re.findall(r"\{\{(.*?)\}\}", template, re.DOTALL):
        for literal in re.findall(r'"([^"]*)"', expression):
            assert not WORDS.search(literal), literal


def literals(script):
    """The strings of a script, and its templates with empty braces."""
    found, texts, within, at = [], [], ["{"], 0
    while at < len(script):
        part = (TEMPLATE if within[-1] == "`" else CODE).match(script, at)[0]
        at += len(part)
        if part == "`" == within[-1]:
            within.pop()
            found.append(texts.pop())
        elif within[-1] == "`" and part != "${":
            texts[-1] += part
        elif part == "`":
            within.append("`")
            texts.append("")
        elif part in ("{", "${"):
            within.append("{")
            texts[-1:] = [text + "{}" for text in texts[-1:] if part == "${"] or texts[-1:]
        elif part == "}":
            within.pop()
        elif part[0] in "\"'":
            found.append(part[1:-1])
    assert within == ["{"]
    return found


def words(script):
    """Return the strings of a script that a reader would see."""
    strings = [each for each in literals(script) if WORDS.search(each) and not NO_WORDS.match(each)]
    return strings + [match[0] for match in SINKS.finditer(script)]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_has_no_words_of_its_own(path):
    assert words(path.read_text("utf-8")) == []


def test_words_in_a_script_are_recognised():
    script = """
    byId("a").className = `${b ? `c-${d}` : "e"} f`; // Not "These words", nor /these/.
    paint.textContent = `${count} pictures`; other = text("page.paint").replace(/"Red `ones/g, "x");
    make("span", "photo", "caption"); announce("done"); refuse(`It was ${reason}.`, "Sending…");
    """
    assert words(script) == [
        *("{} pictures", "It was {}.", "Sending…"),
        *('make("span", "photo', 'announce("done'),
    ]


def test_every_text_of_the_pages_is_used_and_every_text_that_they_use_is_there():
    code = "".join(path.read_text("utf-8") for path in [*TEMPLATES, *SCRIPTS, *MODULES])
    # To one that ends with a dot, the code adds the rest.
    named = set(re.findall(r"""["`]((?:gallery|page)\.(?!html)[\w.]*)""", code))
    keys = {re.sub(r"\.(one|other)$", "", key) for key in table()}
    keys = {key for key in keys if key.startswith(("gallery.", "page."))}
    begun = {each for each in named if each.endswith(".")}
    assert named - begun - keys == set()
    assert [key for key in keys - named if not key.startswith(tuple(begun))] == []
    assert all(any(key.startswith(each) for key in keys) for each in begun)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_lines_of_a_script_fit_on_a_screen(script):
    lines = script.read_text("utf-8").splitlines()
    assert not [number for number, line in enumerate(lines, start=1) if len(line) > LONGEST_LINE]
