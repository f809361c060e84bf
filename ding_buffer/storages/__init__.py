"""Where items lie, and the store that keeps everything about them in step."""
