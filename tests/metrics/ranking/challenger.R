# Rank a long table by every scheme that challengeR has, and resamples of it on given draws.
# Usage: Rscript challenger.R <table.csv> <draws.csv> <ranks.csv> <small is better: TRUE|FALSE>
#        <ties> <missing: none|drop>; CHALLENGER_LIBRARY names a library of packages to add.
# table.csv: task,algorithm,case,value ("NA" is missing); draws.csv: task,draw,case, a row for each
# case drawn. Writes task,draw,scheme,algorithm,score,rank; draw 0 is the full data.
suppressMessages({
  if (nzchar(Sys.getenv("CHALLENGER_LIBRARY"))) .libPaths(c(Sys.getenv("CHALLENGER_LIBRARY"), .libPaths()))
  library(challengeR)
})
given <- commandArgs(trailingOnly = TRUE)
scores <- read.csv(given[1], colClasses = c("character", "character", "character", "numeric"))
draws <- read.csv(given[2], colClasses = c("character", "integer", "character"))
ties <- given[5]
quiet <- function(x) suppressWarnings(suppressMessages({ capture.output(y <- x); y }))
treat <- if (given[6] == "drop") "na.rm" else NULL
contest <- quiet(as.challenge(scores, by = "task", algorithm = "algorithm", case = "case",
                              value = "value", smallBetter = as.logical(given[4]), na.treat = treat))
q05 <- function(x) quantile(x, probs = 0.05)
aggregates <- given[6] == "drop" || !anyNA(scores$value)
schemes <- list(
  rank_then_mean = function(x) rankThenAggregate(x, FUN = mean, ties.method = ties),
  rank_then_median = function(x) rankThenAggregate(x, FUN = median, ties.method = ties))
if (aggregates) schemes <- c(schemes, list(
  mean = function(x) aggregateThenRank(x, FUN = mean, ties.method = ties),
  median = function(x) aggregateThenRank(x, FUN = median, ties.method = ties),
  min = function(x) aggregateThenRank(x, FUN = min, ties.method = ties),
  max = function(x) aggregateThenRank(x, FUN = max, ties.method = ties),
  quantile = function(x) aggregateThenRank(x, FUN = q05, ties.method = ties),
  significance_none = function(x) testThenRank(x, alpha = 0.05, p.adjust.method = "none", ties.method = ties),
  significance_bonferroni = function(x) testThenRank(x, alpha = 0.05, p.adjust.method = "bonferroni", ties.method = ties),
  significance_holm = function(x) testThenRank(x, alpha = 0.05, p.adjust.method = "holm", ties.method = ties)))
rows <- list()
keep <- function(scheme, draw, tables) for (task in names(tables)) {
  table <- tables[[task]]
  rows[[length(rows) + 1]] <<- data.frame(task = task, draw = draw, scheme = scheme,
    algorithm = rownames(table), score = table[[1]], rank = table$rank)
}
for (name in names(schemes)) {
  ranked <- quiet(schemes[[name]](contest))
  keep(name, 0, ranked$matlist)
  for (draw in unique(draws$draw)) {
    drawn <- lapply(names(ranked$data), function(task) {
      chosen <- draws[draws$draw == draw & draws$task == task, ]
      data <- as.data.frame(ranked$data[[task]])
      merge(data.frame(case = chosen$case), data, by = "case")
    })
    names(drawn) <- names(ranked$data)
    for (kept in c("algorithm", "case")) attr(drawn, kept) <- attr(ranked$data, kept)
    attr(drawn, "check") <- FALSE
    keep(name, draw, quiet(ranked$FUN(drawn)$mat))
  }
}
write.csv(do.call(rbind, rows), given[3], row.names = FALSE)
