import ArgumentParser
import Commands
import Files
import Foundation
import Glibc
import Pipeline

/// The test build of `sluice`: the same commands, with the faults that SLUICE_FAULTS names.
@main struct SluiceFaulty {
  static func main() async {
    do {
      StageCommand.faults = try FaultPoints(parsing: ProcessInfo.processInfo.environment["SLUICE_FAULTS"] ?? "")
      let writes = StageCommand.faults.writes
      if !writes.isEmpty {
        OutputFile.observe = { (step, path) throws(FileError) in
          for fault in writes { try fault.strike(step, path) }
        }
      }
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(2)
    }
    KernelsEnvironment.apply()
    await SluiceCommand.main()
  }
}
