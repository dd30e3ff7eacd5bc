"""Training, from a checkout: recipes, data sets, augmentation, architectures, fitting."""
