# The R side of mixed_models.py: Rscript --vanilla mixed_models.R FOLDER RUNS
# In: FOLDER/kenward_roger.tsv, FOLDER/nested.tsv. Out, to standard output: task, clock and processor (s), value.

suppressMessages({
  library(lme4)
  library(emmeans)
  library(pbkrtest)
})
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

random <- c(
  kenward_roger = "(1 | participant) + (1 | participant:unit)",
  kenward_roger_slopes = "(time + condition | participant) + (1 | participant:unit)",
  kenward_roger_crossed = "(1 | participant) + (1 | unit)"
)
small <- read("kenward_roger.tsv")
for (task in names(random)) {
  model <- lmer(
    as.formula(paste("value ~ time * condition +", random[[task]])), small,
    control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10))
  )
  rows <- pairs(emmeans(model, ~ condition | time, lmer.df = "asymptotic"), adjust = "none")@linfct
  timed(task, function() {
    plain <- vcov(model)
    adjusted <- vcovAdj(model)
    min(apply(rows, 1, function(row) Lb_ddf(row, plain, adjusted)))
  })
}

nested <- read("nested.tsv")
timed("nested", function() REMLcrit(lmer(value ~ condition + (1 | participant / session / unit), nested)))
