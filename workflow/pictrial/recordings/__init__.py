"""Raw signals: EMG-BIDS and OTBioLab+ readers, BIDS writer, content checks, conditioning, signal quality."""
