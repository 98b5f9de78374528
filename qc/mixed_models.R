# The mixed models of the plan, fitted by R alone: lme4, lmerTest, pbkrtest and emmeans.
#
#   Rscript --vanilla qc/mixed_models.R results/<trial>
#
# In:  analysis/outcomes.tsv, and what export_fits.py wrote: qc/fits.tsv (one fit per row) and qc/contrasts.tsv.
# Out: qc/r_values.tsv (analysis, key, value) and qc/r_session.txt. Keys are those of the ARD after analysis and
#      outcome; what depends on the degrees of freedom has their method in front.

suppressMessages({
  library(lme4)
  library(lmerTest)
  library(pbkrtest)
  library(emmeans)
})
TIGHT <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5))
emm_options(pbkrtest.limit = Inf, lmerTest.limit = Inf)

folder <- commandArgs(trailingOnly = TRUE)[1]
read_text <- function(...) {
  read.delim(file.path(folder, ...), colClasses = "character", na.strings = "n/a", quote = "", encoding = "UTF-8")
}

# Rows of one fit. Period and session are factors, as everywhere in the plan.
rows_of <- function(fit, outcomes) {
  rows <- outcomes[outcomes$outcome == fit$outcome & !is.na(outcomes$value), ]
  rows <- rows[rows$sequence %in% strsplit(fit$sequences, ";")[[1]], ]
  for (reason in if (is.na(fit$leaves_out)) NULL else strsplit(fit$leaves_out, ";")[[1]]) {
    said <- if (reason == "unit_unmatched") rows$matched == "False" else {
      vapply(strsplit(rows$left_out_for, ";"), function(codes) reason %in% codes, TRUE)
    }
    rows <- rows[!said, ]
  }
  for (name in c("value", "standard_error", "n_controls")) rows[[name]] <- as.numeric(rows[[name]])
  rows$unit <- rows$unit_id
  for (name in c("participant", "sequence", "session", "period", "condition", "unit")) {
    rows[[name]] <- factor(rows[[name]])
  }
  for (part in strsplit(strsplit(fit$levels, ";")[[1]], "=")) {
    rows[[part[1]]] <- factor(rows[[part[1]]], levels = strsplit(part[2], ",")[[1]])
  }
  rows
}

# Weights are those of the record: the residual variance of a value goes with its own standard error.
fit_model <- function(fit, rows) {
  rows$weight <- if (is.na(fit$residual_variance)) 1 else {
    precision <- 1 / (as.numeric(fit$residual_variance) + rows$standard_error^2)
    precision / mean(precision)
  }
  do.call(lmer, list(as.formula(fit$fitted_formula), data = rows, weights = quote(weight), control = TIGHT))
}

# Covariances of the coefficients for Kenward-Roger. pbkrtest takes the residuals as equally variable, whatever the
# weights, so it is given the same model with every row times the root of its weight.
kenward_roger <- function(model) {
  root <- sqrt(weights(model))
  frame <- data.frame(response = root * getME(model, "y"))
  frame$fixed <- root * getME(model, "X")
  groups <- getME(model, "flist")
  terms <- character()
  for (i in seq_along(getME(model, "mmList"))) {
    effects <- sprintf("effect%d_%d", i, seq_len(ncol(getME(model, "mmList")[[i]])))
    frame[effects] <- as.data.frame(root * getME(model, "mmList")[[i]])
    frame[[paste0("group", i)]] <- groups[[attr(groups, "assign")[i]]]
    terms <- c(terms, sprintf("(0 + %s | group%d)", paste(effects, collapse = " + "), i))
  }
  formula <- as.formula(paste("response ~ 0 + fixed +", paste(terms, collapse = " + ")))
  scaled <- do.call(lmer, list(formula, data = frame, control = TIGHT))
  list(unadjV = vcov(scaled), adjV = vcovAdj(scaled, 0))
}

components <- function(model) {
  table <- as.data.frame(VarCorr(model))
  table$grp <- ifelse(table$grp == "Residual", "residual", sub("\\.[0-9]+$", "", table$grp))
  pairs <- table[!is.na(table$var2), ]
  between <- if (nrow(pairs)) paste0("component.", in_id(paste(pairs$grp, pairs$var1, pairs$var2)), ".correlation")
  table <- table[is.na(table$var2), ]
  name <- table$grp
  slope <- !is.na(table$var1) & table$var1 != "(Intercept)"
  name[slope] <- in_id(paste(name[slope], table$var1[slope]))
  c(setNames(table$vcov, paste0("component.", name, ".variance")),
    setNames(table$sdcor, paste0("component.", name, ".standard_deviation")),
    setNames(pairs$sdcor, between))
}

fixed_effects <- function(model) {
  name <- paste0("fixed.", in_id(names(fixef(model))))
  c(setNames(fixef(model), paste0(name, ".estimate")),
    setNames(sqrt(diag(as.matrix(vcov(model)))), paste0(name, ".standard_error")))
}

# The name of a level in an id of the ARD.
in_id <- function(name) gsub("[^[:alnum:]_:-]+", "_", name)

# One row of an emmeans summary per label, as a named vector.
joint_tests <- function(model, df_method) {
  table <- anova(model, type = 3, ddf = if (df_method == "satterthwaite") "Satterthwaite" else "Kenward-Roger")
  name <- paste0("term.", in_id(rownames(table)))
  c(setNames(table[["F value"]], paste0(name, ".F")),
    setNames(table$NumDF, paste0(name, ".df1")),
    setNames(table$DenDF, paste0(name, ".df2")),
    setNames(table[["Pr(>F)"]], paste0(name, ".p")))
}

statistics <- function(kind, labels, summary) {
  columns <- c(estimate = "estimate", emmean = "estimate", SE = "standard_error", df = "df", t.ratio = "t",
               p.value = "p", lower.CL = "ci_lower", upper.CL = "ci_upper")
  columns <- columns[names(columns) %in% names(summary)]
  if (kind == "mean") columns <- columns[!columns %in% c("t", "p")]
  found <- lapply(names(columns), function(column) {
    setNames(summary[[column]], paste(kind, labels, columns[[column]], sep = "."))
  })
  unlist(found)
}

# P adjusted over the contrasts of a family; NULL where it is not to be.
adjusted_p <- function(compared, tests, adjustment, n_means) {
  if (adjustment == "none") return(NULL)
  if (adjustment %in% p.adjust.methods) return(p.adjust(tests$p.value, adjustment))
  # emmeans takes Tukey's method for its own pairwise contrasts only.
  if (adjustment == "tukey") return(ptukey(sqrt(2) * abs(tests$t.ratio), n_means, tests$df, lower.tail = FALSE))
  summary(compared, adjust = adjustment)$p.value
}

inference <- function(model, contrasts, df_method) {
  means <- emmeans(model, ~condition, lmer.df = df_method)
  if (df_method == "kenward-roger") {
    means@dfargs <- kenward_roger(model)
    means@V[] <- as.matrix(means@dfargs$adjV)
  }
  levels <- as.character(as.data.frame(means)$condition)
  values <- statistics("mean", levels, summary(means, infer = TRUE))
  for (family in unique(contrasts$family)) {
    pairs <- contrasts[contrasts$family == family, ]
    pairs <- pairs[pairs$level %in% levels & pairs$minus %in% levels, ]
    weights <- lapply(seq_len(nrow(pairs)), function(i) (levels == pairs$level[i]) - (levels == pairs$minus[i]))
    labels <- paste(pairs$level, pairs$minus, sep = "-")
    compared <- contrast(means, setNames(weights, labels), adjust = "none")
    tests <- summary(compared, infer = TRUE)
    values <- c(values, statistics("contrast", labels, tests))
    adjusted <- adjusted_p(compared, tests, pairs$adjustment[1], length(levels))
    if (!is.null(adjusted)) values <- c(values, setNames(adjusted, paste0("contrast.", labels, ".p_adjusted")))
  }
  if (df_method == "satterthwaite" || all(weights(model) == 1)) values <- c(values, joint_tests(model, df_method))
  setNames(values, paste(df_method, names(values), sep = "."))
}

values_of <- function(fit, outcomes, contrasts) {
  model <- fit_model(fit, rows_of(fit, outcomes))
  c(model.all.reml_deviance = REMLcrit(model),
    model.all.singular = as.numeric(isSingular(model)),
    model.all.n = nobs(model),
    components(model),
    fixed_effects(model),
    inference(model, contrasts, "kenward-roger"),
    inference(model, contrasts, "satterthwaite"))
}

outcomes <- read_text("analysis", "outcomes.tsv")
fits <- read_text("qc", "fits.tsv")
contrasts <- read_text("qc", "contrasts.tsv")
tables <- lapply(seq_len(nrow(fits)), function(i) {
  fit <- fits[i, ]
  values <- values_of(fit, outcomes, contrasts[contrasts$analysis == fit$analysis, ])
  data.frame(analysis = fit$analysis, key = names(values), value = sprintf("%.15g", values))
})
table <- do.call(rbind, c(list(data.frame(analysis = character(), key = character(), value = character())), tables))
table$value[table$value %in% c("NA", "NaN")] <- "n/a"
write.table(table, file.path(folder, "qc", "r_values.tsv"), sep = "\t", quote = FALSE, row.names = FALSE)
writeLines(capture.output(sessionInfo()), file.path(folder, "qc", "r_session.txt"))
