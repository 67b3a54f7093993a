"""How good the search is, on public sets of questions whose answers are marked: loading, asking, counting."""
