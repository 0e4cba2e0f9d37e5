/// The steps of `OutputFile.replace`, and of a directory that is renamed as a whole: at any of them a process may die.
package enum WriteStep: String, Sendable, CaseIterable {
  /// The file is there beside its place, and empty.
  case opened
  /// Half of a piece is written.
  case half
  /// All is written, nothing is on the disk for certain.
  case written
  /// It is on the disk, under its other name.
  case synced
  /// It has its name, but the directory may not be on the disk.
  case renamed
}
