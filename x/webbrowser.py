import os

os.kill(os.getpid(), 2)
raise OSError
