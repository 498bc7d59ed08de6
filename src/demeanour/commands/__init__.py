"""The commands of ``demeanour``, one file each: what it does (``run``) and its options (``arguments``)."""
