"""From results to what people read: numbers, figures, tables, estimate against truth."""
