"""Keys of the AWS flavour's bucket."""

from layout import Photo


def test_a_results_key_names_photo_and_style_and_no_other_key_does():
    for key, style in (
        ("results/-5/monet/7-A-Q.jpg", "monet"),
        ("results/-5/waves/great wave/7-A-Q.png", "waves/great wave"),
        ("results/-5/_große Welle%20+/7-A-Q.png", "_große Welle%20+"),
        ("results/-5/monet/7-A-Q.jpg.png", "monet"),
    ):
        assert Photo.of_result(key) == (Photo(-5, 7, "A-Q"), style)
    for key in (
        *("wishes/5/7-AQ.json", "telegram/5/7-AQ", "telegram/5/x-AQ.jpg", "telegram/a/7-AQ.jpg"),
        *("telegram/5/sub/7-AQ.jpg", "own/5/7-AQ.jpg", "x/telegram/5/7-AQ.jpg", "style.jpg", ""),
        *("telegram/5/7-AQ.jpg\n", "telegram/05/7-AQ.jpg", "telegram/5/7-A.Q.jpg"),
        *("results/5/_records/monet/7-AQ.jpg.json", "results/5/_checkpoints/monet/7-AQ.jpg.npz"),
        *("results/5/index.html", "results/5/_gallery/7-AQ.jpg", "results/5/7-AQ.jpg"),
        "results/5/monet/beach.jpg",
    ):
        assert Photo.of_key(key) is Photo.of_result(key) is None
