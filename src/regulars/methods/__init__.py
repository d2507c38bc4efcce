"""What several analyses do alike with a summary and a small model together: break-downs, for one."""
