r"""Takes off what is written around an answer: markdown, quotes, LaTeX that only sets type."""

from __future__ import annotations

import re

QUOTES = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb\u300c\u300d"
_SPACE_AND_MARKS = "*`~ \t\r\n"
_WRAPPERS = re.compile(
    r"\\(?:text|textbf|textit|textrm|texttt|mathrm|mathbf|mathit|mathsf|mbox|hbox|emph|boxed"
    r"|fbox)\s*\{([^{}]*)\}"
)
_HTML = re.compile(
    r"<(b|i|u|em|strong|code|p|span|center|big|font)\b[^<>]{0,60}>([^<>]*)</\1>", re.IGNORECASE
)
_BREAK = re.compile(r"<br\s{0,2}/?>", re.IGNORECASE)
_PAIRS = (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$"), ("**", "**"), ("__", "__"), ("_", "_"))
_CODE_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*([\w+#.-]*)[^\n]*$", re.MULTILINE)
#: fences whose content a model writes for its reader; every other fence holds code or its output
_PROSE_FENCES = {"", "json", "latex", "tex", "math", "markdown", "md", "text", "txt", "plaintext", "plain"}


def bare(text: str) -> str:
    """The text without the markdown, delimiters and full stop around it."""
    while True:
        less = text.strip(_SPACE_AND_MARKS)
        for opening, closing in _PAIRS:
            if (
                len(less) >= len(opening) + len(closing)
                and less.startswith(opening)
                and less.endswith(closing)
            ):
                inner = less[len(opening) : -len(closing)]
                if opening not in inner and closing not in inner:
                    less = inner
        less = less.rstrip(".,;: \t\n") if not less.endswith(("...", "\\ldots", "\\,")) else less
        if less == text:
            return text
        text = less


def without_wrappers(text: str) -> str:
    r"""`\textbf{(B)}` as `(B)`, nested ones too."""
    while "\\" in text:
        less = _WRAPPERS.sub(r"\1", text)
        if less == text:
            return text
        text = less
    return text


def without_html(text: str) -> str:
    """Without the tags that only set type, as in `<b>42</b>`."""
    if "</" in text or "<br" in text:
        text = _HTML.sub(r"\2", _BREAK.sub("\n", text))
    return text


def without_fences(text: str) -> str:
    """The text without the lines that open and close fences; what stands between them stays."""
    return _CODE_FENCE.sub("", text) if "```" in text or "~~~" in text else text


def without_code(text: str) -> str:
    """The text without fenced code; fences around prose lose their marks alone. An opening fence that is
    never closed reaches to the end."""
    if "```" not in text and "~~~" not in text:
        return text
    kept: list[str] = []
    position, fences = 0, iter(list(_CODE_FENCE.finditer(text)))
    for opening in fences:
        kept.append(text[position : opening.start()])
        closing = next(fences, None)
        end = closing.start() if closing else len(text)
        if opening[1].lower() in _PROSE_FENCES:
            kept.append(text[opening.end() : end])
        position = closing.end() if closing else len(text)
    kept.append(text[position:])
    return "\n".join(kept)
