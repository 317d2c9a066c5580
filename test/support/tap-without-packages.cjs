// For each file that is loaded tap notes its name and counts its lines, and most of them are packages'. Nobody asks for
// those; without them a test file takes half a second less. Required, as that comes before what tap imports.
process.env._TAPJS_PROCESSINFO_EXCLUDE_ = String(/^node:|[\\/](node_modules|\.tap)[\\/]/)
