"""How to draw windows of one episode where the steps of several environments come mixed.

Run it: python examples/worker_sequence.py
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from ding_buffer.replay import SequenceReplayBuffer

ENVS, LENGTH, WINDOW = 3, 8, 4


def main(windows: int = 600) -> dict[str, Any]:
    # `stream_key` names the field that tells whose step it is; `done` in a step ends its episode.
    buffer = SequenceReplayBuffer({"replay_buffer_size": 90, "stream_key": "env", "seed": 0})
    for time in range(40):
        done = time % LENGTH == LENGTH - 1
        episode, t = divmod(time, LENGTH)
        buffer.push([{"env": env, "episode": episode, "t": t, "done": done} for env in range(ENVS)], time)
    print(f"{ENVS} environments took turns; {buffer.count()} of {buffer.push_count} steps are held.")

    drawn = buffer.sample(windows, WINDOW, replace=True) or []
    for window in drawn[:3]:
        steps = ", ".join(str(step["t"]) for step in window)
        print(f"A window of env {window[0]['env']}, episode {window[0]['episode']}: steps {steps}")
    starts = Counter(window[0]["t"] for window in drawn)
    print("Windows by their first step, the last that reaches the end being 4:", dict(sorted(starts.items())))
    too_long = buffer.sample(1, LENGTH + 1)
    print(f"No episode has {LENGTH + 1} steps, so such a window is {too_long}.")
    held = buffer.count()
    buffer.close()
    return {"windows": drawn, "starts": starts, "too_long": too_long, "held": held}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
