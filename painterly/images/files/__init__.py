"""What picture files say beside their pixels: EXIF, and where a photo was taken."""
