"""Whole keys are named by kind and place, and never repeated; masked ones are welcome."""

import pytest

from schemas.whole_keys import whole_keys

BODY = "q8Zr2LmT5vXw9KpB3nYc7HdF"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"Incorrect key: sk-{BODY}", "API key"),
        (f"first line\nAuthorization: Bearer {BODY}", "credential"),
        (f"https://h/v1?key=AIza{BODY}", "Google API key"),
        (f"AKIA{BODY[:16].upper()} was refused", "AWS access key"),
        (f'{{"api_key": "{BODY}"}}', "credential"),
        (f'{{"error": "{{\\"api_key\\": \\"{BODY}\\"}}"}}', "credential"),
        (f"x-api-key: {BODY}", "credential"),
        (f"eyJhbGciOiJI.eyJzdWIiOiIx.{BODY}", "signed token"),
        (f"Illegal header value b'Bearer sk-{BODY}\\n'", "API key"),
    ],
)
def test_a_whole_key_is_named_and_its_place_told(text: str, kind: str):
    [found] = whole_keys(text)

    assert found.kind == kind
    line = text.split("\n")[found.line - 1]
    assert line[found.column - 1 :]
    assert len(found.head) <= 6
    assert BODY not in str(found)


@pytest.mark.parametrize(
    "text",
    [
        "[sk-zoj***Vj8] Token amount has been exhausted",
        "Incorrect API key provided: sk-ab******yz",
        "send your key in the header Authorization: Bearer",
        f"https://bucket/file?OSSAccessKeyId=LTAI5{BODY}&Expires=1&Signature={BODY}",
        "request id: 20260204141921598578922733f4JzK",
        "",
    ],
)
def test_masked_keys_links_and_ids_are_no_whole_keys(text: str):
    assert whole_keys(text) == []


def test_every_key_of_a_text_is_named():
    found = whole_keys(f"sk-{BODY} and\nAIza{BODY}")

    assert [(key.kind, key.line, key.column) for key in found] == [
        ("API key", 1, 1),
        ("Google API key", 2, 1),
    ]
