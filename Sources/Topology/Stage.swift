/// A stage of the pipeline, in the order in which data goes through them.
package enum Stage: String, CaseIterable, Codable, Sendable {
  case plan, decode, augment, batch, train, average, evaluate
}
