# The R side of mixed_models.py: Rscript --vanilla mixed_models.R FOLDER RUNS
# In: FOLDER/kenward_roger.tsv, FOLDER/nested.tsv. Out, to standard output: task, clock and processor (s), value.

suppressMessages({
  library(lme4)
  library(emmeans)
})
emm_options(pbkrtest.limit = Inf)
arguments <- commandArgs(trailingOnly = TRUE)

read <- function(name) {
  rows <- read.delim(file.path(arguments[1], name), colClasses = "character")
  rows$value <- as.numeric(rows$value)
  for (column in setdiff(names(rows), "value")) rows[[column]] <- factor(rows[[column]])
  rows
}

# In processor time the work of threads counts, too.
timed <- function(task, what) {
  for (run in seq_len(as.integer(arguments[2]))) {
    time <- system.time(value <- what())
    cat(task, time[["elapsed"]], time[["user.self"]] + time[["sys.self"]], sprintf("%.10g", value), sep = "\t")
    cat("\n")
  }
}

small <- lmer(value ~ time * condition + (1 | participant) + (1 | participant:unit), read("kenward_roger.tsv"))
timed("kenward_roger", function() {
  means <- emmeans(small, ~ condition | time, lmer.df = "kenward-roger")
  summary(pairs(means, adjust = "none"))$df[1]
})

nested <- read("nested.tsv")
timed("nested", function() REMLcrit(lmer(value ~ condition + (1 | participant / session / unit), nested)))
