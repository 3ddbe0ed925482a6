const pattern = /norm/; // ~ not-supported
