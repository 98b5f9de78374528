"""Who is analysed where, and why not: plan, schedule, delivery, analysis tables."""
