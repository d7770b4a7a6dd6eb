"""Native code for the cell compiler: target, cache, threads, workspaces and vector arithmetic."""
