"""The bytes of picture files: chunks, markers, directories and boxes, read without Pillow.

Headers are parsed byte by byte, in time that grows with the file's size and no faster.
"""
