"""Drum patterns of electronic music, as `model.styles.patterns` reads them: sixteenths, a bar or two."""

from __future__ import annotations

from collections.abc import Mapping

Groove = Mapping[str, str]

FOUR: Groove = {"kick": "X...X...X...X..."}

HOUSE: tuple[Groove, ...] = (
    {**FOUR, "clap": "....X.......X...", "open_hat": "..X...X...X...X.", "closed_hat": "x.-xx.-xx.-xx.-x"},
    {**FOUR, "clap": "....X.......X..-", "open_hat": "..X...X...X...X.", "shaker": "xoxxxoxxxoxxxoxx"},
    {**FOUR, "snare": "....X..-.-..X...", "open_hat": "..X...X...X...X.", "percussion": "-..o..o.-..o..o."},
)
DISCO: tuple[Groove, ...] = (
    {**FOUR, "snare": "....X.......X...", "open_hat": "..X...X...X...X.", "closed_hat": "X.-.X.-.X.-.X.-."},
    {**FOUR, "snare": "....X.......X.-.", "clap": "....x.......x...", "closed_hat": "XxXxXxXxXxXxXxXx"},
    {**FOUR, "snare": "....X..-....X...", "open_hat": "..X...X...X...X.", "percussion": "x.oxo.x.x.oxo.xo"},
    {**FOUR, "snare": "....X.......X...", "closed_hat": "X.XXX.XXX.XXX.XX", "open_hat": "..-...-...-...X."},
)
DEEP: tuple[Groove, ...] = (
    {**FOUR, "clap": "....x.......x...", "open_hat": "..x...x...x...x.", "shaker": "ooxoooxoooxoooxo"},
    {**FOUR, "rim": "...o..x....o..x.", "clap": "....x.......x..-", "closed_hat": "..xo..xo..xo..xo"},
    {**FOUR, "snare": "....o.......o...", "percussion": "..o..o.-..o..o.-", "closed_hat": "o.x.o.x.o.x.o.xo"},
)
PROGRESSIVE: tuple[Groove, ...] = (
    {**FOUR, "clap": "....X.......X...", "open_hat": "..X...X...X...X.", "closed_hat": "oooooooooooooooo"},
    {**FOUR, "clap": "....x.......x...", "shaker": "xoxoxoxoxoxoxoxo", "open_hat": "..x...x...x...x."},
    {**FOUR, "clap": "....o.......o...", "ride": "..X...X...X...X.", "percussion": "...o..-....o..o."},
)
BIG_ROOM: tuple[Groove, ...] = (
    {**FOUR, "clap": "....x.......x..."},
    {**FOUR, "closed_hat": "..o...o...o...o."},
    {**FOUR, "clap": "....X.......X...", "open_hat": "..x...x...x...x."},
    {**FOUR, "tom": "......................o.....oooo"},
)
FUTURE: tuple[Groove, ...] = (
    {**FOUR, "clap": "....X.......X...", "open_hat": "..X...X...X...X.", "closed_hat": "-.-x-.-x-.-x-.-x"},
    {**FOUR, "snare": "....X.......X...", "open_hat": "..X...X...X...X.", "percussion": "...o..o...-...o."},
    {"kick": "X...X...X...X.o.", "clap": "....X.......X...", "closed_hat": "..X...X...X...X."},
)
TRANCE: tuple[Groove, ...] = (
    {**FOUR, "clap": "....X.......X...", "open_hat": "..X...X...X...X.", "closed_hat": "xoxoxoxoxoxoxoxo"},
    {**FOUR, "snare": "....x.......x...", "open_hat": "..X...X...X...X.", "ride": "o.o.o.o.o.o.o.o."},
    {**FOUR, "open_hat": "..X...X...X...X.", "shaker": "xxxxxxxxxxxxxxxx"},
    {**FOUR, "clap": "....o.......o...", "closed_hat": "..X...X...X...X.", "percussion": "-..-..o....-..o."},
)
TECHNO: tuple[Groove, ...] = (
    {**FOUR, "open_hat": "..X...X...X...X.", "closed_hat": "oxoxoxoxoxoxoxox", "percussion": "-..o..-.-..o.-.."},
    {**FOUR, "clap": "....x.......x...", "closed_hat": "..X...X...X...X.", "rim": "...o..o..o.-..o."},
    {**FOUR, "ride": "..X...X...X...X.", "closed_hat": "xxxxxxxxxxxxxxxx", "tom": "-.-o..-..-.o..-."},
    {**FOUR, "open_hat": "..X...X...X...X."},
    {**FOUR, "shaker": "xoxxxoxxxoxxxoxx", "clap": "....X.......X...", "percussion": "..x..x....x..o.."},
    {"kick": "X...X...X...X..o", "ride": "X.X.X.X.X.X.X.X.", "snare": "....-..-....-.-."},
)
BREAKS: tuple[Groove, ...] = (
    {"kick": "X.........X.....", "snare": "....X..-.-..X...", "closed_hat": "X.X.X.X.X.X.X.X."},
    {"kick": "X.......-.X.....", "snare": "....X..o.-..X..-", "closed_hat": "XoXoXoXoXoXoXoXo"},
    {"kick": "X.X.......XX....", "snare": "....X..o.o..X..o", "ride": "X.X.X.X.X.X.X.X."},
    {
        "kick": "X.........X.....X.X.......X.....",
        "snare": "....X..o.o..X.......X..o.o....X.",
        "closed_hat": "X.X.X.X.X.X.X.X.X.X.X.X.X.X.X.X.",
    },
    {
        "kick": "X.....o...X.....",
        "snare": "....X.......X...",
        "shaker": "xoxoxoxoxoxoxoxo",
        "open_hat": "..-...x...-...x.",
    },
)
BROSTEP: tuple[Groove, ...] = (
    {"kick": "X.....o.......o.", "snare": "........X.......", "closed_hat": "x.o.x.o.x.o.x.o."},
    {"kick": "X..o..........x.", "snare": "........X......-", "open_hat": "....x.......x..."},
    {"kick": "X.......-...o..o", "snare": "........X.......", "closed_hat": "xoxxxoxxxoxxxoxx"},
    {"kick": "X.....x...x.....", "snare": "........X.......", "ride": "X...X...X...X..."},
)
HALFTIME: tuple[Groove, ...] = (
    {"kick": "X.........o.....", "snare": "........X.......", "closed_hat": "o.-xo.-.o.-xo.x."},
    {"kick": "X..x......x.....", "snare": "........X....-..", "rim": "..-..o..-..o..-o"},
    {
        "kick": "X.....x.....-.o.",
        "snare": "........X.......",
        "shaker": "xoxoxoxoxoxoxoxo",
        "percussion": "-..o..-....o..-.",
    },
    {
        "kick": "X..........o....X.o.......x.....",
        "snare": "........X...............X.....-.",
        "closed_hat": "X..X..X.X..X..X.X..X..X.X..X..X.",
    },
)
TRAP: tuple[Groove, ...] = (
    {"kick": "X.....x...o.....", "clap": "........X.......", "closed_hat": "X.X.X.X.X.X.X.X."},
    {"kick": "X..x......x..o..", "snare": "........X.......", "closed_hat": "X.X.X.X.X.X.X.X."},
    {
        "kick": "X.........x...o.",
        "clap": "........X......-",
        "closed_hat": "XxXxXxXxXxXxXxXx",
        "open_hat": "......-.......o.",
    },
    {
        "kick": "X.o....x..x.....",
        "snare": "........X.......",
        "closed_hat": "X..X..X.X..X..X.",
        "rim": "..-..-....-..o..",
    },
)
SLOW: tuple[Groove, ...] = (
    {"kick": "X.........o.....", "rim": "....o.......o...", "shaker": "o.o.o.o.o.o.o.o."},
    {"kick": "X.....o...x.....", "snare": "....o..-....o.-.", "closed_hat": "o-x-o-x-o-x-o-x-"},
    {"percussion": "o..-..o.-..o..-.", "kick": "X..............."},
    {"kick": "x...x...x...x...", "closed_hat": "..o...o...o...o."},
)
