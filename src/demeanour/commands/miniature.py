"""``demeanour miniature``: the miniature world in the user's cache."""

from __future__ import annotations

import argparse
import os

from demeanour.commands.common import to_stderr
from demeanour.errors import NotMeasuredError
from demeanour.miniature.cache.parts import complete, remove, verify, world_folder
from demeanour.verdicts.outcome import AS_EXPECTED


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--size", choices=["quick", "full"], default="quick", help="(default: %(default)s)")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--where", action="store_true", help="make nothing; only print where it is or would be")
    only.add_argument("--verify", action="store_true", help="make nothing; read every file and name what is wrong")
    only.add_argument("--remove", action="store_true", help="remove it, and those of earlier versions")


def run(options: argparse.Namespace) -> int:
    """Make the miniature world, unless it is there, and print its folder."""
    from demeanour.miniature import world  # which knows all solids and data sets: no other command pays for that

    folder = world_folder(options.size, world.VERSION)
    if options.remove:
        for one in sorted(folder.parent.glob(f"{options.size}-*/")):
            remove(one, to_stderr)
            to_stderr(f"{one} is removed")
        return AS_EXPECTED
    if options.verify:
        damage = verify(folder, world.parts(options.size), thorough=True)
        if damage:
            remedy = f"delete the files named, and run `demeanour miniature --size {options.size}`: it makes them anew"
            raise NotMeasuredError("\n".join([*damage, remedy]))
    elif not options.where:
        complete(folder, world.parts(options.size), world.VERSION, to_stderr, os.cpu_count() or 1)
    print(folder)
    return AS_EXPECTED
