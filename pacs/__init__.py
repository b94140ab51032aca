"""A node beside the PACS: films come by C-STORE or from a folder, results go into their study."""
