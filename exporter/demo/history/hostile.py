"""Texts that break a program which shows them without escaping."""

HOSTILE = (
    'Pat "The Ace" O\'Brien',
    "'); DROP TABLE conversation_sessions; --",
    "Zoë 練習 🎧 \u202egnitirw\u202c",
    "\x1b[31mred alert\x1b[0m\x07\r\nsecond line\ttabbed",
    "<script>alert(1)</script> %s {0} ${HOME} \\N",
    "long " * 400,
)
