"""Numbers that recipe `instant` shares with its version in NumPy and with the training of its
decoder, which do not load TensorFlow.

Places are explained in neighbours.py, the decoder in decoder.py.
"""

from pathlib import Path

# px: exactly above and on the left, at least below and on the right. So up to block 4, the features
# of the picture's pixels are the same as without a margin.
MARGIN = 8

# Places and their matches.
MATCHED_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv3_2", "conv4_1")  # if the network has them
PLACE = 4  # px per side: a position of block 3
PIXELS_OF_PLACE = 3 * PLACE**2
MAX_STRETCH = 3.0  # times a channel's own spread: a blank wall stays blank
QUERIES_AT_ONCE = 512  # compared with all candidates at a time
MATCHED_DIRECTIONS, SUBSPACE_ITERATIONS = 64, 3
# A candidate's crowding is its similarity to the most similar place of each group of a sample of
# places, on average. It counts CROWDING_WEIGHT for a place at the mean distance from the centre,
# and more for one further away: flat areas of middle tones stay as they are.
CROWDING_WEIGHT, SAMPLED_PLACES, SAMPLE_GROUPS = 0.35, 512, 4
DISTANCE_WEIGHT = 0.5  # the relative squared distance counts half as much as the cosine
NO_LENGTH = 1e-6

# From this strength on, the picture is made of the painting's places alone; below, the photo's own
# places are mixed in.
FULL_STRENGTH = 0.5

# The decoder.
DECODER = Path(__file__).with_name("decoder.npz")
GREY = 0.45  # a picture's mean; pixels are relative to it
PIXEL_SCALE = 3.0  # about one over the standard deviation of pixels
CORRECTION = 0.2  # the standard deviation of what the last layer adds, about
