"""The model seam: token ids in, events out."""
