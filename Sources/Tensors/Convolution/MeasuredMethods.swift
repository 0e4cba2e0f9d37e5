extension MethodTable {
  /// Made by `sluice bench kernels --write-table`.
  package static let measured = MethodTable(text: measuredText)!

  private static let measuredText = """
    """
}
