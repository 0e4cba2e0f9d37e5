/// One mistake in a topology.
package struct TopologyIssue: Sendable, Equatable {
  /// Line of the file, from 1; nil for what a `--set` brought in.
  package let line: Int?
  /// Dotted path of the setting, for example `train.batch`; empty for the file as a whole.
  package let path: String
  package let message: String

  package init(line: Int?, path: String, message: String) {
    self.line = line
    self.path = path
    self.message = message
  }
}

/// Every mistake of a topology at once.
package struct TopologyError: Error, CustomStringConvertible, Sendable {
  package let file: String
  /// In line order; those without a line (from `--set`) come last.
  package let issues: [TopologyIssue]

  package init(file: String, issues: [TopologyIssue]) {
    self.file = file
    self.issues = issues.enumerated().sorted { left, right in
      (left.element.line ?? .max, left.offset) < (right.element.line ?? .max, right.offset)
    }.map(\.element)
  }

  /// `file:line: path: message`, one line for each mistake.
  package var description: String {
    issues.map { issue in
      let place = issue.line.map { "\(file):\($0): " } ?? "\(file): "
      return place + (issue.path.isEmpty ? "" : "\(issue.path): ") + issue.message
    }.joined(separator: "\n")
  }
}
