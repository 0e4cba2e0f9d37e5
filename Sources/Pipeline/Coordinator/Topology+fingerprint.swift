import Crypto
import Foundation
package import Topology

extension Topology {
  /// SHA-256, in hexadecimal, of the settings that influence results, a line each: the same for any number of workers.
  package var fingerprint: String {
    let lines = settingsThatInfluenceResults().map { "\($0.path): \($0.value)\n" }.joined()
    return hexadecimal(SHA256.hash(data: Data(lines.utf8)))
  }
}
