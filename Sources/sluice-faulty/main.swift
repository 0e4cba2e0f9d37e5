import Commands
import Foundation
import Pipeline

// The test build of `sluice`: the same commands, with the faults that SLUICE_FAULTS names.
do {
  StageCommand.faults = try FaultPoints(parsing: ProcessInfo.processInfo.environment["SLUICE_FAULTS"] ?? "")
} catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(2)
}
await SluiceCommand.main()
