internal import Crypto
internal import GRDB

/// The part of a collection a video belongs to.
package enum Split: String, Sendable, CaseIterable, Codable {
  case train, validation, test
}
