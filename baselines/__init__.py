"""Statistics over columns: what is usual for a row, and how strange a new value is.

numba and numpy only. Everything here works on rows and columns; nothing knows a device, a flow or a file, and
nothing reads a clock: time is a column. A function that needs history and has none answers NaN.
"""
