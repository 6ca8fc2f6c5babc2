"""Nothing of ours is wrong with this one."""

from base import serve

serve("control", validate=True)
