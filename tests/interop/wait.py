"""Waiting for a condition, with a deadline: the one place that polls."""
import time


class Timeout(AssertionError):
    pass


def wait_until(condition, seconds, what, alive=()):
    """Return the first true value of condition(). Raises Timeout after so many
    seconds, and at once when one of the processes in alive has ended."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while True:
        value = condition()
        if value:
            return value
        for process in alive:
            if process.ended():
                if value := condition():
                    return value
                raise Timeout(f"{process.name} ended (exit code {process.code()}) before: {what}")
        if time.monotonic() > deadline:
            raise Timeout(f"not within {seconds} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)
